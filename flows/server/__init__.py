"""The Prefect server of this machine: start, stop, deploy, automations, and how a command runs a flow."""
