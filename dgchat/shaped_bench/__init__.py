"""`dgchat bench` at chosen shapes: the network itself behind a prefix, beside the floor of the machine."""
