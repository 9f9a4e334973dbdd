package main

import (
	"context"
	"errors"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// wholeBodies refuses a body that ends before its declared length. In 1.8.0 a client that closes its side of the
// connection half-way through a body gets 200, and a part that was cut is even listed with its full size.
type wholeBodies struct{ backend.Backend }

func (w wholeBodies) PutObject(ctx context.Context, input s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	input.Body = whole(input.Body, input.ContentLength)
	return w.Backend.PutObject(ctx, input)
}

func (w wholeBodies) UploadPart(ctx context.Context, input *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	checked := *input
	checked.Body = whole(input.Body, input.ContentLength)
	return w.Backend.UploadPart(ctx, &checked)
}

// whole leaves bodies in chunks alone: their framing says where they end.
func whole(body io.Reader, length *int64) io.Reader {
	if _, chunked := body.(middlewares.ChecksumReader); chunked || body == nil || length == nil {
		return body
	}
	return &wholeReader{body: body, left: *length}
}

type wholeReader struct {
	body io.Reader
	left int64
}

func (r *wholeReader) Read(buffer []byte) (int, error) {
	n, err := r.body.Read(buffer)
	r.left -= int64(n)
	if errors.Is(err, io.EOF) && r.left > 0 {
		return n, s3err.GetAPIError(s3err.ErrIncompleteBody)
	}
	return n, err
}
