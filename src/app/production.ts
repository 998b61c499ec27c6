// Imported before all else: graphql reads this variable once, when it is loaded, and checks each value twice without it.
process.env.NODE_ENV ??= 'production'
