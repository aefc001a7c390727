"""The plugins that come with Shipyard. They import `service` only, as a stranger's would, and not each other."""
