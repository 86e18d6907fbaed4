"""The control plane, without Ray: what is wished (`wish`), where it is kept (`board`), what to do about it (`plan`)."""
