// Runs after `npm install` or `pnpm install` in the root folder. `npm start` and `npm test` do all the
// set-up themselves, so a person who began with the habitual `npm install` only needs to be told that.
if ((process.env.npm_config_user_agent ?? '').startsWith('npm/')) {
  console.log(
    '\nlinkfleet: nothing more to install. `npm start` sets everything up and runs the fleet; `npm test` tests it.\n',
  )
}
