"""Auth objects from settings: environment variables and TOML tables. The signature of a class says what it takes.

parameters   what a class takes
texts        an argument from a text: an environment variable, a command line
tables       an argument from a TOML value: places, calls, references to secrets
references   where a secret comes from: a variable, a file, the keyring, a command
env          `from_env`
"""
