path true {}
