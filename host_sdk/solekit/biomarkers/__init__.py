"""Gait variables: their dictionary, their values, their errors."""

from solekit.biomarkers.dictionary import Needs, Variable, variable, variables
from solekit.biomarkers.insole import InsoleVariables

__all__ = ["InsoleVariables", "Needs", "Variable", "variable", "variables"]
