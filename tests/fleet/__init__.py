"""Fleets: many streams that come and go, a control plane that does not grow with them, cameras that never stay."""
