using Metering.Cli;

return await MeteringTool.RunAsync(args, ToolTerminal.OfProcess());
