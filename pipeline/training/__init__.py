"""Training: scenes filmed once, an encoder trained on short clips, a temporal model on its features along streams."""
