path "a" { control_group { factor "ops" { controlled_capabilities = [] identity { group_names = ["a"] approvals = 1 } } } }
