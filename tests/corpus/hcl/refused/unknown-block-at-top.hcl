path "a" {} foo {}
