/**
 * node:http without what it loads when first asked for: an import statement asks a module of Node for all that it exports,
 * and here that brings undici for WebSocket and its like, 10 MB of each process.
 */
export const { createServer, STATUS_CODES } = process.getBuiltinModule('node:http')
