import CPynomaly
print(pyn_abi_version())
