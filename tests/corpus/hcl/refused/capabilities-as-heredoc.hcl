path "a" { capabilities = [<<E
read
E
] }
