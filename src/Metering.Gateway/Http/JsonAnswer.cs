using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway;

/// <summary>
/// Writes JSON answers. An answer is made whole before anything of it is sent: it then has a <c>Content-Length</c> and leaves with its
/// headers in one write, where the framework's own writing is chunked.
/// </summary>
internal static class JsonAnswer
{
    private const string Json = "application/json; charset=utf-8";

    /// <summary>An answer to be written when the framework asks for it.</summary>
    public static IResult Of<T>(T value, JsonTypeInfo<T> type) => new JsonAnswer<T>(value, type);

    /// <summary>Writes an answer. Status and headers are set already.</summary>
    public static Task WriteAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type, string contentType = Json)
    {
        var buffer = JsonBuffer.Take();
        JsonSerializer.Serialize(buffer.Writer, value, type);
        var response = context.Response;
        response.ContentType = contentType;
        response.ContentLength = buffer.Written.Length;
        var body = response.BodyWriter;
        body.Write(buffer.Written);
        buffer.GiveBack();

        // A caller that went away is no error: the server drops what is written to it.
        var sending = body.FlushAsync(CancellationToken.None);
        return sending.IsCompletedSuccessfully ? Task.CompletedTask : sending.AsTask();
    }

    /// <summary>A writer with its memory. Each thread keeps one for its next answer.</summary>
    private sealed class JsonBuffer
    {
        /// <summary>Larger memory is not kept: answers about thousands of records are rare.</summary>
        private const int MostKept = 16 * 1_024;

        [ThreadStatic]
        private static JsonBuffer? spare;

        private readonly ArrayBufferWriter<byte> bytes = new(1_024);

        private JsonBuffer() => Writer = new(bytes);

        public Utf8JsonWriter Writer { get; }

        public ReadOnlySpan<byte> Written => bytes.WrittenSpan;

        public static JsonBuffer Take()
        {
            // Not left in its place: what fails half-way is not used again.
            var taken = spare ?? new();
            spare = null;
            return taken;
        }

        public void GiveBack()
        {
            if (bytes.Capacity <= MostKept)
            {
                bytes.ResetWrittenCount();
                Writer.Reset(bytes);
                spare = this;
            }
        }
    }
}

/// <summary>A JSON answer with the status that is set already (200, where none is).</summary>
internal sealed class JsonAnswer<T>(T value, JsonTypeInfo<T> type) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext) => JsonAnswer.WriteAsync(httpContext, value, type);
}
