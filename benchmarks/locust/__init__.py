"""What one received delivery costs in Locust: a ChatUser beside the WebSocket user that people write themselves."""
