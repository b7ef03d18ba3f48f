path "a" { control_group { factor "ops" { controlled_capabilities = ["sudo"] identity { group_names = ["a"] approvals = 1 } } } }
