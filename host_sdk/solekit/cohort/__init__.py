"""Many recordings of many people: analysed one by one, kept as one Parquet data set."""
