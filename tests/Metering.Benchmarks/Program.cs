using Metering.Benchmarks;

return await BenchmarkProgram.RunAsync(args);
