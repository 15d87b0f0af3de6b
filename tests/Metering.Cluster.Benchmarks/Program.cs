using Metering.Cluster.Benchmarks;

const string Usage = """
    Measures the meter on an Orleans cluster beside what Orleans itself takes for a call, and beside the embedded meter.

      dotnet run -c Release --project tests/Metering.Cluster.Benchmarks -- COMMAND [--callers N] [--seconds N] [--rounds N] [--accounts N,N]

      memory      one silo in this process, memory store: an empty grain call, the embedded meter, the cluster's
      postgres    the same on PostgreSQL, every commit synced: the embedded meter, the cluster's
      client      from a client in this process to a silo in another, over TCP: an empty grain call, a deduction
    """;

try
{
    var options = BenchmarkOptions.Parse(args.Skip(1));
    switch (args.FirstOrDefault())
    {
        case "memory":
            await Comparison.RunAsync(options, [new EmptyCalls(new LocalSilo(Stores.Memory)), new Deductions("embedded", new EmbeddedMeter(Stores.Memory)), new Deductions("cluster", new LocalSilo(Stores.Memory))]);
            return 0;
        case "postgres":
            await using (var databases = new Databases())
            {
                await Comparison.RunAsync(options, [new Deductions("embedded", new EmbeddedMeter(databases.ConfigureAsync)), new Deductions("cluster", new LocalSilo(databases.ConfigureAsync))]);
            }

            return 0;
        case "client":
            await Comparison.RunAsync(options, [new EmptyCalls(new ClientOfSilo()), new Deductions("cluster", new ClientOfSilo())]);
            return 0;
        case ClientOfSilo.Serve:
            await ClientOfSilo.ServeAsync();
            return 0;
        default:
            Console.WriteLine(Usage);
            return 0;
    }
}
catch (ArgumentException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}
