// One of the four Bookinfo services, until SIGTERM or SIGINT. Nothing but node:http; knows nothing of the mesh.
import { type Command, parseCommand, USAGE } from './command-line.ts';
import { details } from './details.ts';
import { type RunningServer, type Service, serve } from './http-server.ts';
import { createProductPage } from './productpage.ts';
import { createRatings } from './ratings.ts';
import { createReviews } from './reviews.ts';

function createService({ service, env }: Command): Service {
  switch (service) {
    case 'ratings':
      return createRatings(env);
    case 'details':
      return details;
    case 'reviews':
      return createReviews(env);
    case 'productpage':
      return createProductPage(env);
  }
}

async function start(command: Command): Promise<RunningServer> {
  try {
    return await serve(createService(command), command);
  } catch (error) {
    const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const reason = taken
      ? 'another program has the port; stop it or choose another with --port'
      : (error as Error).message;
    throw new Error(`cannot serve ${command.service} on ${command.bind}:${command.port}: ${reason}`, {
      cause: error,
    });
  }
}

async function main(args: readonly string[]): Promise<void> {
  if (args.length === 0 || args.includes('--help') || args.includes('-h')) {
    process.stdout.write(USAGE);
    return;
  }
  const command = parseCommand(args, process.env);
  const server = await start(command);
  console.log(`${command.service} listens on ${command.bind}:${server.port}`);
  const stop = () => void server.stop().then(() => process.exit(0));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`bookinfo: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
