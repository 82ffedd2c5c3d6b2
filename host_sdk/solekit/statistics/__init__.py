"""Statistics of cohorts: groups compared, tables checked, people predicted; research use only."""
