"""Gait variables: their dictionary, their values, their errors."""

from solekit.biomarkers.dictionary import Needs, Variable, variable, variables
from solekit.biomarkers.insole import InsoleVariables
from solekit.biomarkers.spatial import SpatialVariables

__all__ = ["InsoleVariables", "Needs", "SpatialVariables", "Variable", "variable", "variables"]
