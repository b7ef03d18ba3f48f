path "a" { control_group { factor "ops" { controlled_capabilities = ["read"] identity { group_names = ["a"]  } } } }
