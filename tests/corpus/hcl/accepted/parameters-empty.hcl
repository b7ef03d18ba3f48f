path "a" { allowed_parameters = {} denied_parameters {} required_parameters = [] }
