"""Models of the parts that the drivers talk to: film, lines, converters, buses and their chips.

All share one simulated time; what they say is a simulation, not a measurement.
"""
