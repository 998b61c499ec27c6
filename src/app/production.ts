// Imported before anything else: graphql looks once, when it is loaded, and checks each value twice unless told.
process.env.NODE_ENV ??= 'production'
