/** The pages that may use the stores of tests: those that tests serve, and one by its whole name. */
export const pageOrigins = ['http://127.0.0.1:*', 'https://shop.example']
