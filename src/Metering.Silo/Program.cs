using Metering.Silo;

return await MeteringSilo.Program.RunAsync(args, Console.Out, Console.Error).ConfigureAwait(false);
