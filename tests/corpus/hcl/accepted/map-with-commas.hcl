path "a" { allowed_parameters = { "a" = ["x"], "b" = [], } }
