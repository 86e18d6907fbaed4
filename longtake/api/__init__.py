"""The HTTP API and what serves the page: questions, live events and wishes over what the store holds."""
