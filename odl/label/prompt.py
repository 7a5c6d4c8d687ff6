"""Questions that wait for a person, whoever shows them."""
