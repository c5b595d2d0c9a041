"""The mechanics of torch that any adapter on top of torch shares."""
