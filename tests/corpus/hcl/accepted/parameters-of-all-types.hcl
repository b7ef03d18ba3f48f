path "a" { allowed_parameters = { "*" = ["x", 1, -2.5, 0x1F, true, [1, ["y"]], { b = 1, c = { d = false } }, <<E
z
E
] } }
