"""The ways out of the hub, each guarded."""
