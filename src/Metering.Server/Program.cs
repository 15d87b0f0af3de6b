using Metering.Server;

return await MeteringServer.RunAsync(args, Console.Out, Console.Error).ConfigureAwait(false);
