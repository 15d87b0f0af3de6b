using Metering.Gateway;

return await new MeteringProgram
{
    Name = "Metering",
    Purpose = "A credit meter in one process.",
    Project = "src/Metering.Server",
    DefaultUrl = "http://127.0.0.1:5080",
    DefaultData = MeteringConfiguration.DefaultData,
    Introduce = (key, url) => $$"""
        curl -H "X-API-Key: {{key}}" {{url}}/v1/credits
        curl -H "X-API-Key: {{key}}" -H "Content-Type: application/json" -d '{"amount": 43}' {{url}}/v1/credits/deduct
        curl -H "Authorization: Bearer {{key}}" {{url}}/api/v1/credits/balance
        """,
}.RunAsync(args, Console.Out, Console.Error).ConfigureAwait(false);
