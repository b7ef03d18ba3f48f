path "a" {}, path "b" {},
