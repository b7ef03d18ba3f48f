path "a" { required_parameters = [2.5] }
