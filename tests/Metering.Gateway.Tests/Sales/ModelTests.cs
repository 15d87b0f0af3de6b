using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Suggestions by a model behind an OpenAI-compatible API on the loopback interface; whatever it does, there is an answer.</summary>
public sealed class ModelTests
{
    private const string Words = """{"choices": [{"message": {"content": "[\"hotel\", \"made_up\", \"hotel\"]"}}]}""";

    [Fact]
    public async Task A_model_is_asked_as_its_api_says_and_only_what_exists_is_taken_from_its_answer()
    {
        await using var model = await Model.StartAsync(context => context.Response.WriteAsync(Words));
        await using var gateway = await StartAsync(model);
        Assert.Equal(["hotel"], await SuggestAsync(gateway));
        var (path, authorization, body) = Assert.Single(model.Asked);
        Assert.Equal(("/v1/chat/completions", "Bearer sk-model"), (path, authorization));
        Assert.Equal(("small", 0), (body.GetProperty("model").GetString(), body.GetProperty("temperature").GetInt32()));
        Assert.Equal(["system", "user"], body.GetProperty("messages").EnumerateArray().Select(message => message.GetProperty("role").GetString()));
        Assert.Equal("bakery", body.GetProperty("messages")[1].GetProperty("content").GetString());
    }

    [Fact]
    public async Task Its_words_become_patterns_and_what_is_no_word_does_not()
    {
        const string Answer = """{"choices": [{"message": {"content": "[\"Oven\", \"*oven*\", \"a\", \"two words\", \"x*\\\" OR 1=1\", 7, null, \"bread\"]"}}]}""";
        await using var model = await Model.StartAsync(context => context.Response.WriteAsync(Answer));
        await using var gateway = await StartAsync(model);
        var answer = await (await gateway.OpenAsync()).PostAsync("/api/v1/ai/generate-keywords", """{"description": "bakery"}""");
        Assert.Equal(["*oven*", "*bread*"], answer.Json.GetProperty("data").GetProperty("keywords").EnumerateArray().Select(word => word.GetString()!));
    }

    [Theory]
    [InlineData(200, "no json")]
    [InlineData(200, "")]
    [InlineData(200, "[]")]
    [InlineData(200, "7")]
    [InlineData(200, "null")]
    [InlineData(200, """{"choices": []}""")]
    [InlineData(200, """{"choices": {"0": 1}}""")]
    [InlineData(200, """{"choices": [{"message": {"content": 7}}]}""")]
    [InlineData(200, """{"choices": [{"message": {"content": "Surely! Here are some: hotel"}}]}""")]
    [InlineData(200, """{"choices": [{"message": {"content": "[\"made_up\"]"}}]}""")]
    [InlineData(200, """{"choices": [], "choices": [{"message": {"content": "[\"hotel\"]"}}]}""")]
    [InlineData(200, """{"choices": [{"message": {"content": "{\"a\": 1, \"a\": 2}"}}]}""")]
    [InlineData(401, """{"error": {"message": "no such key"}}""")]
    [InlineData(404, Words)]
    [InlineData(429, Words)]
    [InlineData(500, Words)]
    [InlineData(503, "")]
    public async Task Whatever_else_it_answers_the_words_of_the_description_do(int status, string body)
    {
        await using var model = await Model.StartAsync(context =>
        {
            context.Response.StatusCode = status;
            return context.Response.WriteAsync(body);
        });
        await using var gateway = await StartAsync(model);
        Assert.Equal("bakery", (await SuggestAsync(gateway))[0]);
        Assert.Single(model.Asked);
    }

    [Fact]
    public async Task A_model_that_thinks_for_too_long_is_left_after_the_time_that_is_set()
    {
        await using var model = await Model.StartAsync(context => new TaskCompletionSource().Task.WaitAsync(context.RequestAborted));
        await using var gateway = await StartAsync(model, ("TimeoutSeconds", "7"));
        var asking = SuggestAsync(gateway);
        await model.FirstAsked;
        gateway.Clock.Advance(TimeSpan.FromSeconds(6.9));
        Assert.False(asking.IsCompleted);
        gateway.Clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal("bakery", (await asking)[0]);
    }

    [Fact]
    public async Task A_model_that_stops_in_the_middle_of_a_word_is_left_too()
    {
        await using var model = await Model.StartAsync(async context =>
        {
            context.Response.ContentLength = 1_000;
            await context.Response.WriteAsync(Words);
            context.Abort();
        });
        await using var gateway = await StartAsync(model);
        Assert.Equal("bakery", (await SuggestAsync(gateway))[0]);
    }

    [Theory]
    [InlineData(200 << 10, "hotel")]
    [InlineData(1 << 20, "bakery")]
    public async Task An_answer_is_read_no_further_than_a_quarter_mebibyte(int blanks, string first)
    {
        // The same good answer behind blanks, in pieces, so that no length announces it.
        await using var model = await Model.StartAsync(async context =>
        {
            var piece = Encoding.UTF8.GetBytes(new string(' ', 1 << 10));
            for (var sent = 0; sent < blanks; sent += piece.Length)
            {
                await context.Response.Body.WriteAsync(piece);
            }

            await context.Response.WriteAsync(Words);
        });
        await using var gateway = await StartAsync(model);
        Assert.Equal(first, (await SuggestAsync(gateway))[0]);
    }

    [Fact]
    public async Task A_model_that_is_not_there_is_done_without()
    {
        var model = await Model.StartAsync(context => context.Response.WriteAsync(Words));
        await using var gateway = await StartAsync(model);
        await model.DisposeAsync();
        Assert.Equal("bakery", (await SuggestAsync(gateway))[0]);
    }

    private static Task<GatewayHost> StartAsync(Model model, params (string Name, string Value)[] settings)
    {
        var all = new Dictionary<string, string?>
        {
            ["Metering:Suggestions:ApiBase"] = model.Url + "/v1", ["Metering:Suggestions:Model"] = "small", ["Metering:Suggestions:ApiKey"] = "sk-model",
        };
        foreach (var (name, value) in settings)
        {
            all[$"Metering:Suggestions:{name}"] = value;
        }

        return GatewayHost.StartAsync(settings: all);
    }

    private static async Task<string[]> SuggestAsync(GatewayHost gateway)
    {
        var answer = await (await gateway.OpenAsync()).PostAsync("/api/v1/ai/suggest-categories", """{"description": "bakery"}""");
        Assert.Equal(200, answer.Status);
        return [.. answer.Json.GetProperty("data").GetProperty("categories").EnumerateArray().Select(category => category.GetProperty("category").GetString()!)];
    }

    /// <summary>A server that answers as a test wants, and keeps what it was asked.</summary>
    private sealed class Model : IAsyncDisposable
    {
        private readonly TaskCompletionSource firstAsked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly WebApplication app;

        private Model(WebApplication app) => this.app = app;

        public List<(string Path, string? Authorization, JsonElement Body)> Asked { get; } = [];

        public Task FirstAsked => firstAsked.Task;

        public string Url => app.Urls.First();

        public static async Task<Model> StartAsync(RequestDelegate answer)
        {
            var builder = WebApplication.CreateBuilder();
            builder.Configuration.Sources.Clear();
            builder.Logging.ClearProviders();
            var model = new Model(builder.Build());
            model.app.Urls.Add("http://127.0.0.1:0");
            model.app.Run(async context =>
            {
                using var reader = new StreamReader(context.Request.Body);
                model.Asked.Add((context.Request.Path, context.Request.Headers.Authorization, JsonElement.Parse(await reader.ReadToEndAsync())));
                model.firstAsked.TrySetResult();
                await answer(context);
            });
            await model.app.StartAsync();
            return model;
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }
}
