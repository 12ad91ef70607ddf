"""What the user can do, one short function for each; the long ones run as jobs."""
