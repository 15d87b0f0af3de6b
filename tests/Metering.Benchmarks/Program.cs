using Metering.Benchmarks;
using Metering.Engine;

try
{
    switch (args)
    {
        case ["load", .. var arguments]:
            await new Load(LoadOptions.Parse(arguments)).RunAsync();
            return 0;
        case ["http", .. var options]:
            var http = new Arguments(options);
            var parsed = HttpOptions.Parse(http);
            http.RefuseOthers();
            await new HttpBenchmark(parsed).RunAsync();
            return 0;
        default:
            Console.WriteLine(LoadOptions.Usage);
            Console.WriteLine(HttpOptions.Usage);
            return args.Length == 0 ? 0 : 1;
    }
}
catch (Exception exception) when (exception is ArgumentException or MeteringStartupException)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}
