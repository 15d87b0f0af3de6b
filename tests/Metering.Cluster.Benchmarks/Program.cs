using Metering.Cluster.Benchmarks;

return await ClusterBenchmarkProgram.RunAsync(args);
