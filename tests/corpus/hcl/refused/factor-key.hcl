path "a" { control_group { factor "ops" { controlled_capabilities = ["read"] name = 1 identity { group_names = ["a"] approvals = 1 } } } }
