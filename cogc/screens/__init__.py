"""What a person sees: live views and graphs."""
