"""Pictures of policies at work: episodes played and filmed, written as a video or as single pictures.

How a picture is drawn is each simulator's own business (`interfaces.Renders`).
"""
