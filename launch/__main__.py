"""`python -m launch` is the command `affect-jax` in a checkout that is not installed."""

from launch import console

console.main()
