using Metering.Benchmarks;
using Metering.Engine;

try
{
    if (args is ["migrate", .. var options])
    {
        await Migration.RunAsync(options);
        return 0;
    }

    if (args is not ["load", .. var arguments])
    {
        Console.WriteLine(LoadOptions.Usage);
        return args.Length == 0 ? 0 : 1;
    }

    await new Load(LoadOptions.Parse(arguments)).RunAsync();
    return 0;
}
catch (Exception exception) when (exception is ArgumentException or MeteringStartupException)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}
