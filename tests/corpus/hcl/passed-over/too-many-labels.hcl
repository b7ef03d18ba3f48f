path a a a a a a a a a a a a a a a a a {}
