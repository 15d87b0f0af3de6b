using Metering.Samples.LeadSearch;

return await LeadSearchProgram.Create().RunAsync(args, Console.Out, Console.Error).ConfigureAwait(false);
