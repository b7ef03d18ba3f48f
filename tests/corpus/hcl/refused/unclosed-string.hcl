path "a {}
